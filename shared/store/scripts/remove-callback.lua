-- Removes one callback owed. ARGV: id.
local id = take()
local first = redis.call('LINDEX', OUTBOX, 0)
if first and string.match(first, '^%d+') == id then redis.call('LPOP', OUTBOX) end
return 1
