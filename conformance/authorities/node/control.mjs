// Connects a server to the Go program that started it: one JSON value a line, on
// stdin and stdout. The first line is the configuration, each later one a command
// {"do": name, "arg": value}. The process ends with its stdin.
import { createInterface } from "node:readline";

console.log = console.info = console.warn = console.error; // stdout belongs to the protocol

// start calls main with the configuration. It writes what main resolves to, but
// for its member commands: the functions that later lines name.
export async function start(main) {
  const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { commands, ...ready } = await main(JSON.parse((await lines.next()).value));
  write(ready);
  for await (const line of lines) {
    const { do: name, arg } = JSON.parse(line);
    try {
      write({ result: (await commands[name](arg)) ?? null });
    } catch (err) {
      write({ error: String(err?.stack ?? err) });
    }
  }
  process.exit(0);
}

// listen returns the port that server listens on, on loopback.
export function listen(server) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}
