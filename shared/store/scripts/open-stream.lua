-- Decides about a new stream: the one place of the limits, for API and TwiML alike.
-- ARGV: epoch ('' = the API asks), sid, name, fingerprint of the spec, two-way (1 or 0),
-- tracks (1 or 2), dialect, most streams, fields of the record (pairs `sid:field`, JSON), letter ('' = none).
local epoch, sid, name, fingerprint = take(), take(), take(), take()
local twoWay, tracks, dialect, most = take() == '1', takeNumber(), take(), takeNumber()
local fields, letter = takeMany(), take()

local KEPT = 200

local state = status()
if epoch ~= '' then
  local where = standing(epoch)
  if where ~= 'current' then return { where } end
end
if not state then return { 'call_not_found' } end
if FINAL[state] then return { 'call_ended' } end
if epoch == '' and state ~= '"in-progress"' then return { 'call_not_in_progress' } end

local count, oneWayTracks, hasTwoWay = 0, 0, false
local live = redis.call('HGETALL', LIVE)
for i = 1, #live, 2 do
  local other = cjson.decode(live[i + 1])
  if live[i] == sid then return { 'opened', owner() } end
  if other.name == name then
    if epoch == '' and other.fingerprint == fingerprint then return { 'existing', live[i] } end
    return { 'stream_name_taken' }
  end
  count = count + 1
  if other.twoWay then hasTwoWay = true else oneWayTracks = oneWayTracks + other.tracks end
end

if twoWay and hasTwoWay then return { 'bidirectional_limit' } end
if dialect == 'twilio' then
  if not twoWay and oneWayTracks + tracks > most then return { 'stream_limit' } end
elseif count >= most then
  return { 'stream_limit' }
end
if letter ~= '' and full(BOX, 1) then return { 'full' } end

redis.call('HSET', STREAMS, 'name:' .. name, sid, unpack(fields))
redis.call('HSET', LIVE, sid, cjson.encode({ name = name, fingerprint = fingerprint, twoWay = twoWay, tracks = tracks }))
redis.call('RPUSH', ORDER, sid)

-- Only so many ended streams of one call are kept.
if redis.call('LLEN', ORDER) > KEPT then
  for _, old in ipairs(redis.call('LRANGE', ORDER, 0, KEPT)) do
    if redis.call('HEXISTS', LIVE, old) == 0 then
      local gone = {}
      for i = 1, #fields, 2 do gone[#gone + 1] = old .. string.match(fields[i], ':%w+$') end
      local oldName = cjson.decode(redis.call('HGET', STREAMS, old .. ':spec')).name
      if redis.call('HGET', STREAMS, 'name:' .. oldName) == old then gone[#gone + 1] = 'name:' .. oldName end
      redis.call('HDEL', STREAMS, unpack(gone))
      redis.call('LREM', ORDER, 1, old)
      break
    end
  end
end
if letter ~= '' then put(BOX, '_box', letter) end
return { 'opened', owner() }
