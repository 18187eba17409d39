-- Changes what counts as spent, never below nothing, and what may be spent.
-- KEYS: window. ARGV: value, label, what is added to each of both, when the window is let go.
local window, whose, spent = KEYS[1], ARGV[1], tonumber(ARGV[3])
if redis.call('HSETNX', window, 'l' .. whose, ARGV[2]) == 1 then
  redis.call('HINCRBY', window, 'n', 1)
end
add_up(window, 's' .. whose, spent)
add_up(window, 'g' .. whose, tonumber(ARGV[4]))
keep(window, ARGV[5])
return 1
