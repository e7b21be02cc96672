-- Hands calls to whoever has room, at once: whoever held their leases says that it is gone, or knows it of a thread.
-- ARGV: prefix of the queue's keys, then for each lease the job's id and the token. Answers how many were handed over;
-- not those that have another holder by now.
local base = ARGV[1]
local active, wait = base .. 'active', base .. 'wait'
local handed = 0
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local lock = base .. id .. ':lock'
  if redis.call('GET', lock) == token and redis.call('LREM', active, 1, id) > 0 then
    redis.call('DEL', lock)
    redis.call('HINCRBY', base .. id, 'stc', 1)
    redis.call('RPUSH', wait, id)
    handed = handed + 1
  end
end
if handed > 0 then redis.call('ZADD', base .. 'marker', 0, '0') end
return handed
