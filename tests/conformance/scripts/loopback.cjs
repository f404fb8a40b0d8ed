// Loaded into the suite's origin server, which would listen to the whole network.
'use strict'
const { Server } = require('net')
const { listen } = Server.prototype
Server.prototype.listen = function (port) {
  return listen.call(this, Number(port), '127.0.0.1')
}
