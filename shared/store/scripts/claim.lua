-- Takes a call for an owner. ARGV: owner as JSON. Answers the new epoch and all fields, or nil.
local me = take()
local state = status()
if not state or FINAL[state] then return nil end
local epoch = redis.call('HINCRBY', CALL, '_epoch', 1)
redis.call('HSET', CALL, 'owner', me, '_serial', 0)
for _, key in ipairs({ CALL, TIMELINE, BOX }) do redis.call('PERSIST', key) end
return { epoch, redis.call('HGETALL', CALL) }
