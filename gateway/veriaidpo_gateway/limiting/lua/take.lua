-- Takes something out of every limit, or out of none. Exact in any window, however many take at once: a limit keeps
-- what it admitted and when, and the server's clock is the only one that counts.
--
-- KEYS  one list per limit; an entry is "time:cost:sum of all costs so far", so that what is in the window is the
--       difference of two sums however many entries there are
-- ARGV  window in microseconds, then the limit of each key, then what is taken out of each
-- ->    {which limit, admitted 0|1, limit, remaining, microseconds until it is possible again}, of the tightest limit
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local window = tonumber(ARGV[1])
local answer = nil
local refused = nil
local sums = {}

local function read(key, index)
  local entry = redis.call('LINDEX', key, index)
  if not entry then return nil end
  local at, cost, sum = string.match(entry, '^(%d+):(%d+):(%d+)$')
  return tonumber(at), tonumber(cost), tonumber(sum)
end

for i, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[i + 1])
  local wanted = tonumber(ARGV[#KEYS + i + 1])
  -- Leave out what is older than the window; a clock that was set back must not lock anybody out.
  local newest = read(key, -1)
  if redis.call('EXISTS', key) == 1 and (not newest or newest > now + window) then redis.call('DEL', key) end
  local oldest, cost, sum = read(key, 0)
  while oldest and oldest <= now - window do
    redis.call('LPOP', key)
    oldest, cost, sum = read(key, 0)
  end
  local used, wait = 0, 0
  sums[i] = 0
  if oldest then
    local _, _, last = read(key, -1)
    sums[i] = last
    used = last - sum + cost
    wait = oldest + window - now
  end
  -- What is larger than a whole limit has to find it empty: it could never be taken otherwise.
  if used > 0 and used + wanted > limit then
    -- The entry whose end makes room: for calls it is the oldest one.
    local index = 0
    local gone = sum - cost
    while sum - gone < used + wanted - limit and index < redis.call('LLEN', key) - 1 do
      index = index + 1
      oldest, cost, sum = read(key, index)
    end
    wait = oldest + window - now
    if not refused or wait > refused[5] then refused = {i, 0, limit, 0, wait} end
  else
    local left = math.max(0, limit - used - wanted)
    if not answer or left < answer[4] then answer = {i, 1, limit, left, wait} end
  end
end

if refused then return refused end
for i, key in ipairs(KEYS) do
  local wanted = tonumber(ARGV[#KEYS + i + 1])
  redis.call('RPUSH', key, string.format('%.0f:%.0f:%.0f', now, wanted, sums[i] + wanted))
  redis.call('PEXPIRE', key, math.ceil(window / 1000))
end
return answer
