-- The first callback owed, for one courier alone for a while, by the clock of Redis. ARGV: courier, time in ms.
-- Answers empty, busy and for how many ms, or owed and the callback.
local courier, leaseMs = take(), takeNumber()
local first = redis.call('LINDEX', OUTBOX, 0)
if not first or not status() then return { 'empty' } end
local timeMs = now()
local untilMs, holder = string.match(redis.call('HGET', CALL, '_courier') or '', '^(%d+) (.*)$')
if holder and holder ~= courier and tonumber(untilMs) > timeMs then
  return { 'busy', string.format('%.0f', tonumber(untilMs) - timeMs) }
end
redis.call('HSET', CALL, '_courier', string.format('%.0f', timeMs + leaseMs) .. ' ' .. courier)
return { 'owed', first }
