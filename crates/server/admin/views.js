// Each view draws what the server answers; `act` carries out a change and draws anew.

export { accounts } from "./accounts.js";
export { health } from "./health.js";
export { messages } from "./messages.js";
export { publishers } from "./publishers.js";
export { topics } from "./topics.js";
