-- A courier is done with a call; harmless when another one has it by now. ARGV: courier.
local _, holder = string.match(redis.call('HGET', CALL, '_courier') or '', '^(%d+) (.*)$')
if holder == take() then redis.call('HDEL', CALL, '_courier') end
return 1
