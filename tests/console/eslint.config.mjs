// Lint of the console's scripts. Names are resolved by the compiler, so no-undef is off here.
// The tools are installed outside of the source tree, where `check` says.
import { createRequire } from "node:module";

const js = createRequire(`${process.env.CONSOLE_DIR}/`)("@eslint/js");

export default [
  js.configs.recommended,
  {
    files: ["**/*.js"],
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "no-control-regex": "off",
      "no-misleading-character-class": "off",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Text is never made markup." },
        { property: "outerHTML", message: "Text is never made markup." },
        { property: "insertAdjacentHTML", message: "Text is never made markup." },
      ],
      "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
      complexity: ["error", 12],
      eqeqeq: "error",
      curly: ["error", "multi"],
      "no-var": "error",
      "prefer-const": "error",
      "no-implied-eval": "error",
      "no-eval": "error",
    },
  },
];
