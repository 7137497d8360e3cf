import { testAgreement } from "./agreement.ts";
import { devices } from "./devices.ts";
import { testFused } from "./fused.ts";

await testAgreement(devices[0]);
testFused(devices[0], true);
