-- The letters of a call for its owner. ARGV: epoch. Answers a list, or why there is none.
local where = standing(take())
if where ~= 'current' then return where end
return redis.call('LRANGE', BOX, 0, -1)
