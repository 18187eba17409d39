-- Prolongs a lease that has not been given back or run out.
-- KEYS: the leases. ARGV: the lease's name, its life in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local life = tonumber(ARGV[2])
if redis.call('ZADD', KEYS[1], 'XX', 'CH', string.format('%.0f', now + life), ARGV[1]) == 1 then
  redis.call('PEXPIRE', KEYS[1], math.ceil(life / 1000))
end
