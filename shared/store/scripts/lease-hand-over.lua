-- The owner is gone, and whoever says so knows it: its calls go to others at once, a part of them in each step.
-- ARGV: prefix, owner. Answers how many; asked again until it is none.
local owner = ARGV[2]
if not redis.call('ZSCORE', owners, owner) then return 0 end
redis.call('ZADD', owners, 0, owner)
local handed = drain(owner, SLICE)
wake()
return handed
