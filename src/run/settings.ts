/**
 * Every setting of a run, once. A row says what the setting may be, what it is unless given, what it does and when it
 * applies. It also says whether the setting changes what is learnt, and whether a run that is resumed may change it.
 * The command line's flags and their help, the checks of the library's options, `config.json` and the check of a
 * resumed run follow from this table.
 *
 * To add a setting, add a row to a file of `settings/` and use it where it acts. `TrainerOptions` is written out
 * besides, since JSR publishes types as they are written; the static checks compare the two.
 *
 * @module
 */

import { dataSettings, splitSettings } from "./settings/data.ts";
import { deviceSettings, recordSettings } from "./settings/device.ts";
import { modelSettings, teacherSettings } from "./settings/model.ts";
import { pictureSettings } from "./settings/pictures.ts";
import type { Setting } from "./settings/setting.ts";
import { trainingSettings } from "./settings/training.ts";

/** All settings, in the order of the help. */
export const settings = {
  ...dataSettings,
  ...splitSettings,
  ...pictureSettings,
  ...modelSettings,
  ...teacherSettings,
  ...trainingSettings,
  ...deviceSettings,
  ...recordSettings,
} as const;

/** Name of a setting. */
export type SettingName = keyof typeof settings;

/** Type of a setting's value. */
export type ValueOf<S> = S extends Setting<infer T, infer D> ? T | D : never;

/** Values of some settings, by name. */
export type ValuesOf<T> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** Values of all settings. */
export type Settings = ValuesOf<typeof settings>;
