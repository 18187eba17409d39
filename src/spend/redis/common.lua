local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Whole numbers as Redis takes them: tostring() writes large ones with an exponent.
local function whole(number)
  return string.format('%.0f', number)
end

local function count(window, field)
  return tonumber(redis.call('HGET', window, field) or '0')
end

local function add(window, field, amount)
  if amount ~= 0 then
    redis.call('HINCRBY', window, field, whole(amount))
  end
end

-- Adds to a sum, which stays between nothing and what can be counted.
local function add_up(window, field, amount)
  local before = count(window, field)
  add(window, field, math.max(math.min(amount, 9e15 - before), -before))
end

-- Frees what leases hold that have expired.
local function expire(window, leases, now)
  local gone = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 100)
  for _, member in ipairs(gone) do
    local whose, amount = string.match(member, '|(%x+)|(%d+)$')
    add(window, 'r' .. whose, -tonumber(amount))
    redis.call('ZREM', leases, member)
  end
end

-- Lets a window go some time after its end; 0: it has none.
local function keep(key, until_ms)
  if until_ms ~= '0' and redis.call('PTTL', key) == -1 then
    redis.call('PEXPIREAT', key, until_ms)
  end
end
