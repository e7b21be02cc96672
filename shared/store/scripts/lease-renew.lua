-- Renews the leases on calls: the locks of their jobs, in BullMQ's own layout. One that ran out is taken again
-- as long as nobody else has it: Redis was away for longer than a lock lasts, and its owner lived on. A job Redis
-- has forgotten is made again, as it was: active and ours.
-- ARGV: prefix of the queue's keys, lock time in ms, the time in ms, options of a job as JSON, then for each lease
-- the job's id and the token. Answers only what was not simply renewed: id, then 'retaken', 'remade' or 'lost'.
local base, lockMs, now, options = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local active, wait = base .. 'active', base .. 'wait'
local told = {}

local function tell(id, what)
  told[#told + 1] = id
  told[#told + 1] = what
end

-- Whether the job is where only a living owner may take it from.
local function isFree(id)
  if redis.call('LPOS', active, id) then return true end
  if redis.call('LREM', wait, 1, id) == 0 then return false end
  redis.call('LPUSH', active, id)
  return true
end

for i = 5, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local lock = base .. id .. ':lock'
  -- One command instead of two, for each call and each time; that another's lease is made longer once does no harm.
  local holder = redis.call('GETEX', lock, 'PX', lockMs)
  if holder == token then
    -- Renewed.
  elseif holder then
    tell(id, 'lost')
  elseif redis.call('EXISTS', base .. id) == 0 then
    redis.call('HSET', base .. id, 'name', 'call', 'data', cjson.encode({ sid = id }), 'opts', options,
      'timestamp', now, 'delay', 0, 'priority', 0, 'processedOn', now, 'ats', 1)
    redis.call('LPUSH', active, id)
    redis.call('SET', lock, token, 'PX', lockMs)
    tell(id, 'remade')
  elseif isFree(id) then
    redis.call('SET', lock, token, 'PX', lockMs)
    tell(id, 'retaken')
  else
    tell(id, 'lost')
  end
end
return told
