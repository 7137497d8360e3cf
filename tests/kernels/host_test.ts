/**
 * Devices that need no adapter.
 */

import { testAgreement } from "./agreement.ts";
import { devices } from "./devices.ts";
import { testFused } from "./fused.ts";

for (const device of devices.filter(({ name }) => name !== "WebGPU")) await testAgreement(device);
testFused(devices.find(({ name }) => name === "WebAssembly")!, false);
