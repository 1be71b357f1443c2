// A cluster sets HOSTNAME to the pod's name, which the server would take for the address to listen on; and with any
// loopback address it mistakes its own rewrites for another site's (it calls itself localhost then) and asks itself forever.
process.env.HOSTNAME = "0.0.0.0";
await import("./server.js");
