/** mosquitto's command-line clients: option tables and output over the client library. */

export { runCtrl } from "./ctrl.ts";
export { runPasswd } from "./passwd.ts";
export { runPub } from "./pub.ts";
export { runSub } from "./sub.ts";
