-- Undoes the count of a request that is not sent, by the server's clock.
-- KEYS: the theoretical arrival time (GCRA).
-- ARGV: microseconds per request.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrival = tonumber(redis.call('GET', KEYS[1]) or now) - tonumber(ARGV[1])
if arrival <= now then
  redis.call('DEL', KEYS[1])
else
  local life = math.ceil((arrival - now) / 1000) + 1
  redis.call('SET', KEYS[1], string.format('%.3f', arrival), 'PX', life)
end
