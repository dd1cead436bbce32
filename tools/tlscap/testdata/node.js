// A server and a client in one process, once a line has come: node.js CERT KEY
const https = require('https'), fs = require('fs');
const [cert, key] = process.argv.slice(2).map(f => fs.readFileSync(f));
const server = https.createServer({ cert, key }, (request, response) => response.end('answered inside TLS\n'));

function ask() {
  const to = { host: '127.0.0.1', port: server.address().port, path: '/node', method: 'POST', agent: false, rejectUnauthorized: false };
  https.request(to, response => response.resume().on('end', () => server.close())).end('asked inside TLS\n');
}

server.listen(0, '127.0.0.1', () => {
  process.stdin.once('data', () => { process.stdin.destroy(); ask(); });
  console.log('ready');
});
