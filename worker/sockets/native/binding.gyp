{
  "targets": [
    {
      "target_name": "media_sockets",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "src/module.c",
              "src/reactor.c",
              "src/datagram.c",
              "src/websocket.c",
              "src/framing.c"
            ],
            "defines": ["_GNU_SOURCE", "NAPI_VERSION=8"],
            "cflags": ["-O3", "-std=gnu11", "-Wall", "-Wextra", "-Werror=implicit-function-declaration"]
          },
          { "type": "none" }
        ]
      ]
    }
  ]
}
