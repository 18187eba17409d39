-- Prolongs leases of one key that are held, and puts back those that were lost here (a restart, a flush, an eviction).
-- KEYS: the leases of requests under way. ARGV: their life in microseconds, their names.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local life = tonumber(ARGV[1])
local ends = string.format('%.0f', now + life)
for number = 2, #ARGV do
  redis.call('ZADD', KEYS[1], ends, ARGV[number])
end
redis.call('PEXPIRE', KEYS[1], math.ceil(life / 1000))
