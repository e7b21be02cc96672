-- Removes the first callback owed if it is this one: by its number, or by itself when it was written again under
-- another. ARGV: id, the callback as JSON ('' = by number only).
local id, json = take(), take()
local number, body = string.match(redis.call('LINDEX', OUTBOX, 0) or '', '^(%d+) (.*)$')
if number and (number == id or body == json) then redis.call('LPOP', OUTBOX) end
return 1
