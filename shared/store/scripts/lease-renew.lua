-- The owner lives. ARGV: prefix, owner, time in ms. Answers 1, or 0 when its calls may be another's: its lease had run out
-- and was noticed, or Redis has forgotten it.
local owner, forMs = ARGV[2], tonumber(ARGV[3])
local wasKnown = isKnown(owner)
redis.call('ZADD', owners, string.format('%.0f', now() + forMs), owner)
return wasKnown and 1 or 0
