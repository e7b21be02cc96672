-- A change of a live stream, as a letter to its call. ARGV: sid, tracks it will have where they are counted
-- ('' = as they are), most tracks, letter. Answers as `post`, or stream_ended, or stream_limit.
local sid, tracks, most = take(), tonumber(take()), takeNumber()

local state = status()
if not state then return { 'unknown' } end
if FINAL[state] then return { 'ended' } end
local json = redis.call('HGET', LIVE, sid)
if not json then return { 'stream_ended' } end
if full(BOX, 1) then return { 'full' } end

if tracks then
  local live, others = redis.call('HGETALL', LIVE), 0
  for i = 1, #live, 2 do
    local other = cjson.decode(live[i + 1])
    if live[i] ~= sid and not other.twoWay then others = others + other.tracks end
  end
  if others + tracks > most then return { 'stream_limit' } end
  local stream = cjson.decode(json)
  stream.tracks = tracks
  redis.call('HSET', LIVE, sid, cjson.encode(stream))
end
put(BOX, '_box', take())
return { 'posted', owner() }
