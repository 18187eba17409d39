-- Counts one request against one limit, by the server's clock. One script, so replicas cannot race.
-- KEYS: the theoretical arrival time (GCRA); the leases of concurrent requests.
-- ARGV: microseconds per request (0: no rate), burst, concurrent requests (0: no limit), the
-- lifetime of a lease in microseconds, the new lease's name, and names of ended leases that may not
-- have been returned yet.
-- Returns: admitted, reason (1 requests, 2 concurrent), remaining, microseconds to wait,
-- microseconds until full.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local remaining, reset, concurrent = 0, 0, 0

if limit > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  -- The new lease too: a cluster client may repeat a command whose reply it did not get.
  redis.call('ZREM', KEYS[2], unpack(ARGV, 5))
  concurrent = redis.call('ZCARD', KEYS[2])
  if concurrent >= limit then
    return {0, 2, 0, 1000000, 0}
  end
  remaining = limit - concurrent - 1
end

if interval > 0 then
  local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
  if arrival < now then arrival = now end
  local wait = arrival + interval - burst * interval - now
  if wait > 0 then
    return {0, 1, 0, math.ceil(wait), math.ceil(arrival - now)}
  end
  arrival = arrival + interval
  reset = arrival - now
  remaining = math.floor(-wait / interval)
  redis.call('SET', KEYS[1], string.format('%.3f', arrival), 'PX', math.ceil(reset / 1000) + 1)
end

if limit > 0 then
  local life = tonumber(ARGV[4])
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + life), ARGV[5])
  redis.call('PEXPIRE', KEYS[2], math.ceil(life / 1000))
end
return {1, 0, remaining, 0, math.ceil(reset)}
