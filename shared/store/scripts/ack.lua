-- Removes letters up to an id. ARGV: epoch ('' = not fenced), which list (6 = BOX, 7 = GATEWAY_BOX), id.
local epoch, list, upTo = take(), KEYS[takeNumber()], takeNumber()
local where = epoch == '' and 'current' or standing(epoch)
if where ~= 'current' then return where end
while true do
  local first = redis.call('LINDEX', list, 0)
  if not first or tonumber(string.match(first, '^%d+')) > upTo then break end
  redis.call('LPOP', list)
end
return 'done'
