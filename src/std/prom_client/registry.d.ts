export { Registry as default } from "npm:prom-client@15.1.3";
