-- Counts one request of one limit, by the server's clock. One script, so that replicas never count past each other.
-- KEYS: the theoretical arrival time (GCRA), the leases of requests under way.
-- ARGV: microseconds per request (0: no rate), burst, requests at once (0: any), a lease's life in microseconds, the lease's
-- name, and those of leases that have ended and may not have been given back yet.
-- Gives: admitted, reason (1 requests, 2 at once), remaining, microseconds to wait, microseconds until full.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local remaining, reset, under_way = 0, 0, 0

if most > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  -- The lease's own name too: a cluster's client may ask again what was answered to nobody.
  redis.call('ZREM', KEYS[2], unpack(ARGV, 5))
  under_way = redis.call('ZCARD', KEYS[2])
  if under_way >= most then
    return {0, 2, 0, 1000000, 0}
  end
  remaining = most - under_way - 1
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

if most > 0 then
  local life = tonumber(ARGV[4])
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + life), ARGV[5])
  redis.call('PEXPIRE', KEYS[2], math.ceil(life / 1000))
end
return {1, 0, remaining, 0, math.ceil(reset)}
