-- Prolongs the leases of one key, and restores those that Redis has lost (by a restart, a flush or
-- an eviction).
-- KEYS: the leases of concurrent requests. ARGV: their lifetime in microseconds, their names.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local life = tonumber(ARGV[1])
local ends = string.format('%.0f', now + life)
for number = 2, #ARGV do
  redis.call('ZADD', KEYS[1], ends, ARGV[number])
end
redis.call('PEXPIRE', KEYS[1], math.ceil(life / 1000))
