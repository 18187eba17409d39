-- Prolongs a lease, and takes it again where Redis has lost it.
-- KEYS: the mark of its settlement; then window and leases of each part.
-- ARGV: name and milliseconds of the lease; then of each part: value, amount, when the window is
-- let go.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
local lease, score = ARGV[1], clock() + tonumber(ARGV[2])
for i = 1, (#KEYS - 1) / 2 do
  local window, leases, at = KEYS[2 * i], KEYS[2 * i + 1], 3 * i - 1
  local whose, amount = ARGV[at + 1], ARGV[at + 2]
  local member = lease .. '-' .. i .. '|' .. whose .. '|' .. amount
  if redis.call('ZADD', leases, score, member) == 1 then
    add(window, 'r' .. whose, tonumber(amount))
    keep(window, ARGV[at + 3])
    keep(leases, ARGV[at + 3])
  end
end
return 1
