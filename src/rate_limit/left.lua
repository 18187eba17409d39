-- How much of one limit is left, by the server's clock. Changes nothing.
-- KEYS: the theoretical arrival time (GCRA); the leases of concurrent requests.
-- Returns: microseconds until the rate is full again, concurrent requests.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
local concurrent = redis.call('ZCOUNT', KEYS[2], string.format('(%.0f', now), '+inf')
return {math.ceil(math.max(arrival - now, 0)), concurrent}
