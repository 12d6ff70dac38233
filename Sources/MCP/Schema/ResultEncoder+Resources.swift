import JSON

/// Resources, prompts and completion (MCP, server/resources, server/prompts, server/utilities/completion).
extension ResultEncoder {
  func resources(_ resources: [Resource]) -> JSONValue {
    let list = resources.map { resource in
      described(
        [("uri", .string(resource.uri)), ("name", .string(resource.name))], title: resource.title,
        [("description", .string(resource.description)), ("mimeType", .string(resource.mimeType))])
    }
    return complete([("resources", .array(list))], keeping: .never)
  }

  func templates(_ templates: [ResourceTemplate]) -> JSONValue {
    let list = templates.map { template in
      described(
        [("uriTemplate", .string(template.uriTemplate)), ("name", .string(template.name))],
        title: template.title,
        [("description", .string(template.description)), ("mimeType", .string(template.mimeType))])
    }
    return complete([("resourceTemplates", .array(list))], keeping: .always)
  }

  func contents(_ contents: ResourceContents, of uri: String) -> JSONValue {
    var item = JSONObject([
      ("uri", .string(uri)), ("mimeType", .string(contents.mimeType)), ("text", .string(contents.text)),
    ])
    if version >= .v2025_06_18, !contents.meta.isEmpty { item["_meta"] = .object(contents.meta) }
    return complete([("contents", [.object(item)])], keeping: .never)
  }

  func prompts(_ prompts: [Prompt]) -> JSONValue {
    let list = prompts.map { prompt in
      let arguments = prompt.arguments.map { argument in
        described(
          [("name", .string(argument.name))], title: argument.title,
          [("description", .string(argument.description)), ("required", .bool(argument.isRequired))])
      }
      return described(
        [("name", .string(prompt.name))], title: prompt.title,
        [("description", .string(prompt.description)), ("arguments", .array(arguments))])
    }
    return complete([("prompts", .array(list))], keeping: .always)
  }

  func prompt(_ prompt: Prompt, text: String) -> JSONValue {
    complete([
      ("description", .string(prompt.description)),
      ("messages", [["role": "user", "content": ["type": "text", "text": .string(text)]]]),
    ])
  }

  /// Values that a client may show; the protocol allows a hundred of them.
  func completion(_ values: [String]) -> JSONValue {
    let shown = values.prefix(100)
    return complete([
      (
        "completion",
        [
          "values": .array(shown.map { .string($0) }), "total": .int(values.count),
          "hasMore": .bool(values.count > shown.count),
        ]
      )
    ])
  }

  private func described(
    _ names: [(String, JSONValue)], title: String, _ rest: [(String, JSONValue)]
  ) -> JSONValue {
    .object(
      JSONObject(names + (version >= .v2025_06_18 ? [("title", .string(title))] : []) + rest))
  }
}

/// Subscriptions; `id` is that of the request that listens, nil for `resources/subscribe`.
extension ResultEncoder {
  static let subscriptionKey = "io.modelcontextprotocol/subscriptionId"

  func resourceUpdated(_ uri: String, to id: RequestID?) -> JSONValue {
    var params = JSONObject([("uri", .string(uri))])
    if let id { params["_meta"] = subscription(id) }
    return Connection.message(notification: "notifications/resources/updated", .object(params))
  }

  /// What is honoured of a subscription: kinds that were not asked for are not in it.
  func listenAcknowledged(_ id: RequestID, resources: [String]?, tasks: [String]?) -> JSONValue {
    var honoured = JSONObject()
    if let resources { honoured["resourceSubscriptions"] = .array(resources.map { .string($0) }) }
    if let tasks { honoured["taskIds"] = .array(tasks.map { .string($0) }) }
    return Connection.message(
      notification: "notifications/subscriptions/acknowledged",
      ["_meta": subscription(id), "notifications": .object(honoured)])
  }

  func listenEnd(_ id: RequestID) -> JSONValue {
    complete([], meta: JSONObject([(Self.subscriptionKey, id.json)]))
  }

  func subscription(_ id: RequestID) -> JSONValue {
    .object(JSONObject([(Self.subscriptionKey, id.json)]))
  }
}
