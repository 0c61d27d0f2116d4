-- Takes one call out of every limit, or out of none. Exact in any window, however many take at once: a limit keeps
-- the times of the calls it admitted, and the server's clock is the only one that counts.
--
-- KEYS  one list per limit
-- ARGV  window in microseconds, then the limit of each key
-- ->    {admitted 0|1, limit, remaining, microseconds until a call is possible again}, of the tightest limit
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local window = tonumber(ARGV[1])
local answer = nil
local refused = nil

for i, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[i + 1])
  -- Leave out what is older than the window; a clock that was set back must not lock anybody out.
  local newest = redis.call('LINDEX', key, -1)
  if newest and tonumber(newest) > now + window then redis.call('DEL', key) end
  local oldest = redis.call('LINDEX', key, 0)
  while oldest and tonumber(oldest) <= now - window do
    redis.call('LPOP', key)
    oldest = redis.call('LINDEX', key, 0)
  end
  local used = redis.call('LLEN', key)
  local wait = 0
  if oldest then wait = tonumber(oldest) + window - now end
  if used >= limit then
    if not refused or wait > refused[4] then refused = {0, limit, 0, wait} end
  elseif not answer or limit - used - 1 < answer[3] then
    answer = {1, limit, limit - used - 1, wait}
  end
end

if refused then return refused end
for _, key in ipairs(KEYS) do
  redis.call('RPUSH', key, string.format('%.0f', now))
  redis.call('PEXPIRE', key, math.ceil(window / 1000))
end
return answer
