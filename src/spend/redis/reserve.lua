-- Reserves of all windows or of none.
-- KEYS: window and leases of each claim.
-- ARGV: name and milliseconds of the lease, most values, the value for all others;
-- then of each claim: value, amount, limit, when the window is let go, label.
local lease, life, most, others = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local now = clock()
local places = {}
for i = 1, #KEYS / 2 do
  local window, at = KEYS[2 * i - 1], 5 * i - 1
  expire(window, KEYS[2 * i], now)
  local whose, amount, limit = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local is_new = redis.call('HEXISTS', window, 'l' .. whose) == 0
  if is_new and count(window, 'n') >= most then
    whose = others
  end
  local spent, reserved = count(window, 's' .. whose), count(window, 'r' .. whose)
  local granted = count(window, 'g' .. whose)
  local top = limit + granted
  local fits = amount == 0 or spent + reserved + amount <= top
  if spent >= top or not (fits or reserved <= 0) then
    return { '0', tostring(i - 1), whole(spent), whole(reserved), whole(granted) }
  end
  places[i] = whose
end
local reply = { '1' }
for i = 1, #KEYS / 2 do
  local window, leases, at, whose = KEYS[2 * i - 1], KEYS[2 * i], 5 * i - 1, places[i]
  local amount = ARGV[at + 2]
  local label = whose == others and '(others)' or ARGV[at + 5]
  if redis.call('HSETNX', window, 'l' .. whose, label) == 1 then
    redis.call('HINCRBY', window, 'n', 1)
  end
  add(window, 'r' .. whose, tonumber(amount))
  redis.call('ZADD', leases, now + life, lease .. '-' .. i .. '|' .. whose .. '|' .. amount)
  keep(window, ARGV[at + 4])
  keep(leases, ARGV[at + 4])
  table.insert(reply, whose)
  table.insert(reply, whole(count(window, 's' .. whose)))
  table.insert(reply, whole(count(window, 'r' .. whose)))
  table.insert(reply, whole(count(window, 'g' .. whose)))
end
return reply
