-- The letters of a call for its owner. ARGV: epoch.
if not isCurrent(take()) then return nil end
return redis.call('LRANGE', BOX, 0, -1)
