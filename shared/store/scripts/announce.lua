-- Somebody is there for a while, by the clock of Redis. KEYS: hash. ARGV: who, state as JSON, time in ms.
-- Answers 1 when nobody of that name was known, 0 when it is said again.
local now = redis.call('TIME')
local untilMs = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[3])
return redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', untilMs) .. ' ' .. ARGV[2])
