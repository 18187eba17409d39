-- Everything that is counted in a window.
-- KEYS: window and leases. ARGV: the one value that is asked for; empty: all.
expire(KEYS[1], KEYS[2], clock())
local whose = ARGV[1]
if whose == '' then
  return redis.call('HGETALL', KEYS[1])
end
local window, all = KEYS[1], {}
for _, kind in ipairs({ 's', 'r', 'g' }) do
  table.insert(all, kind .. whose)
  table.insert(all, whole(count(window, kind .. whose)))
end
return all
