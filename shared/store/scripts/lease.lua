-- What the steps of leases share. ARGV starts with the prefix of the queue's keys.
--
-- A lease is an owner's, not a call's. `owners` is a sorted set: who, and until when in ms by the clock of Redis; 0 when
-- its calls are being handed over. `held:<owner>` is a sorted set of its calls, each with the number of its taking. A call
-- that is held is in none of BullMQ's lists; what is left of its job is the hash, which keeps it from being added again.
local base = ARGV[1]
local owners, active, wait = base .. 'owners', base .. 'active', base .. 'wait'
-- Redis does nothing else meanwhile: so many calls are handed over in one step.
local SLICE = 1000

local function heldBy(owner)
  return base .. 'held:' .. owner
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Whether it may hold calls: nobody has begun to hand them over.
local function isKnown(owner)
  local untilMs = redis.call('ZSCORE', owners, owner)
  return untilMs and untilMs ~= '0'
end

-- Next in the queue. `stc` is BullMQ's count of owners that died with a job; that it is there marks a call that was up.
local function giveBack(id, hasDied)
  if hasDied then
    redis.call('HINCRBY', base .. id, 'stc', 1)
  else
    redis.call('HSETNX', base .. id, 'stc', 0)
  end
  redis.call('RPUSH', wait, id)
end

-- Hands calls of a dead owner over, so many at most, the one it has held longest first. Answers how many.
local function drain(owner, most)
  local ids = redis.call('ZRANGE', heldBy(owner), 0, most - 1)
  for at = #ids, 1, -1 do giveBack(ids[at], true) end
  if #ids > 0 then redis.call('ZREMRANGEBYRANK', heldBy(owner), 0, #ids - 1) end
  if #ids < most then redis.call('ZREM', owners, owner) end
  return #ids
end

-- What wakes a worker that waits is given to one of them alone, and that one may be stalled: so it is given again as
-- long as calls wait.
local function wake()
  if redis.call('LLEN', wait) > 0 then redis.call('ZADD', base .. 'marker', 0, '0') end
end
