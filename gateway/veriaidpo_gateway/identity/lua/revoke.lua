-- Takes out of the hash KEYS[1] what has ended and puts into it what is revoked, both or neither.
-- ARGV: a mark that says that something changed, seconds the hash lives, how many fields have ended, those,
-- and then field and value of each revocation, up to 1000 of both.
local ended = tonumber(ARGV[3])
if ended > 0 then redis.call('HDEL', KEYS[1], unpack(ARGV, 4, 3 + ended)) end
if #ARGV > 3 + ended then
  redis.call('HSET', KEYS[1], 'changed', ARGV[1], unpack(ARGV, 4 + ended))
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
