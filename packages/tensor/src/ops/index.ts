export { add } from "./binary.js";
