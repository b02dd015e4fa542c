-- short.lua: Lua with fields as names, for `capengine -e`.
--
--   if tcp.dstport == 443 then print(ip.src) end      for each packet, which is p
--   n = (n or 0) + b:sum "frame.len"                  for each batch, where b is named
--   function finish() print(n) end                    a global: called in the end
local need, host = ...
local mistake = need "mistake"
local ce = host.ce

-- The next piece of Lua from `at` on: its last octet, and whether it is a name.
local function piece(text, at)
  local level = text:match("^%-%-%[(=*)%[", at) or text:match("^%[(=*)%[", at)
  if level then return (select(2, text:find("]" .. level .. "]", at, true)) or #text) end
  local last = select(2, text:find("^%-%-[^\n]*", at))
  if last then return last end
  local quote = text:match("^['\"]", at)
  if quote then
    repeat
      at = text:find("[\\" .. quote .. "]", at + 1) or #text
      local escaped = text:sub(at, at) == "\\"
      if escaped then at = at + 1 end
    until not escaped
    return at
  end
  last = select(2, text:find("^[%a_][%w_]*", at))
  while last and text:find("^%.[%a_]", last + 1) do
    last = select(2, text:find("^%.[%a_][%w_]*", last + 1))
  end
  if last then return last, true end
  return select(2, text:find("^%d[%w.]*", at)) or select(2, text:find("^%.%.+", at))
    or select(2, text:find("^%s+", at)) or at
end

-- Is it a protocol, so that what stands behind its dot is a field?
local function is_protocol(name)
  for _, field in ipairs(ce.fields()) do
    if field:match "^[^.]+" == name then return true end
  end
  return false
end

-- The text with calls of extractors for fields; their names; does it name b?
local function translate(text)
  local out, fields, batch, at, before = {}, {}, false, 1, ""
  while at <= #text do
    local last, is_name = piece(text, at)
    local word = text:sub(at, last)
    local member = before == "." or before == ":"
    if is_name and not member and word:find(".", 1, true) and is_protocol(word:match "^[^.]+") then
      if not host.kind(word) then
        error({ mistake.point(text, at, #word, ("there is no field %s%s"):format(word,
          host.meant(host.near(word)))) })
      end
      if not fields[word] then
        fields[#fields + 1] = word
        fields[word] = #fields
        fields.at = fields.at or at
      end
      -- Where one value is, it is no statement: a field alone is a mistake.
      local _, parts = host.kind(word)
      word = (parts and "field_%d(p)" or "(field_%d(p))"):format(fields[word])
    elseif is_name and not member and word:match "^[^.]+" == "b" then
      batch = true
    end
    out[#out + 1] = word
    if not word:find "^%s+$" then before = word end
    at = last + 1
  end
  if batch and #fields > 0 then
    error({ mistake.point(text, fields.at, #fields[1],
      ("with b, there is no packet that has %s: b:sum, b:column and the like take its name")
        :format(fields[1])) })
  end
  return table.concat(out), fields, batch
end

local function compile(text)
  local code, fields, batch = translate(text)
  local names, extractors = {}, {}
  for i, field in ipairs(fields) do
    names[i], extractors[i] = "field_" .. i, ce.field(field)
  end
  local head = #names > 0 and "local " .. table.concat(names, ",") .. " = ... " or ""
  local now -- the packet that the text is run for
  local later = {} -- extractors of names that only the run finds to be fields
  local env = setmetatable({}, {
    __index = function(_, name)
      if _G[name] ~= nil or not now or not host.kind(name) then return _G[name] end
      later[name] = later[name] or ce.field(name)
      return (later[name](now))
    end,
  })
  local chunk, message = load(("%sreturn function(%s) %s\nend"):format(head,
    batch and "b" or "p", code), "=-e", "t", env)
  if not chunk then -- the last line is not of whoever typed it
    local lines = select(2, code:gsub("\n", "")) + 1
    local better = ("-e:%d: %%1 near its end"):format(lines)
    return nil, (message:gsub("^%-e:%d+: (.*) near 'end'$", better))
  end
  local run = chunk(table.unpack(extractors))
  local hooks = {}
  if batch then
    hooks.batch = run
  else
    function hooks.packet(packet)
      now = packet
      run(packet)
    end
  end
  function hooks.finish()
    now = nil
    if rawget(env, "finish") then env.finish() end
  end
  return hooks
end

-- text -> hooks; or nil, what is wrong
return function(text)
  local ok, result, message = pcall(compile, text)
  if ok then return result, message end
  if type(result) ~= "table" then error(result, 0) end
  return nil, result[1], true
end
