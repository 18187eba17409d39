-- Ends a reservation, once: a repeated command finds the mark of the first one.
-- KEYS: the mark; then window and leases of each part.
-- ARGV: milliseconds of the mark, name of the lease (empty: there is none); then of each part:
-- value, amount reserved, amount spent, when the window is let go.
if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then
  return 0
end
local lease = ARGV[2]
for i = 1, (#KEYS - 1) / 2 do
  local window, leases, at = KEYS[2 * i], KEYS[2 * i + 1], 4 * i - 2
  local whose, amount, spent = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  if lease ~= '' then
    local member = lease .. '-' .. i .. '|' .. whose .. '|' .. amount
    if redis.call('ZREM', leases, member) == 1 then
      add(window, 'r' .. whose, -tonumber(amount))
    end
  end
  add_up(window, 's' .. whose, spent)
  keep(window, ARGV[at + 4])
end
return 1
