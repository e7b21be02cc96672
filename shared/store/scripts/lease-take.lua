-- A job that BullMQ has given to a worker becomes a call its owner holds, and leaves BullMQ's list of active ones, where
-- only those are that are being taken. ARGV: prefix, owner, id, number of the taking, token of the job's lock.
-- Answers held, lost, or unknown when the owner has no lease. May be asked again.
local owner, id, number, token = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local lock = base .. id .. ':lock'
if not isKnown(owner) then return 'unknown' end
if redis.call('ZSCORE', heldBy(owner), id) == number then return 'held' end
local holder = redis.call('GET', lock)
if holder and holder ~= token then return 'lost' end
if redis.call('LREM', active, 1, id) == 0 then return 'lost' end
redis.call('DEL', lock)
redis.call('ZADD', heldBy(owner), number, id)
return 'held'
