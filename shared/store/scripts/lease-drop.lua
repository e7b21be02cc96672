-- Takes a call that waits off the queue; one that is held, or being taken, stays. ARGV: prefix, id.
local id = ARGV[2]
if redis.call('LREM', wait, 1, id) > 0 then redis.call('DEL', base .. id) end
