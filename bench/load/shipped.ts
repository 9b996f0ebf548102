/** How the plugin server is started in production, as far as it makes a difference to figures. */

/** Between node and the program, in every start command that is shipped. */
export const SHIPPED_NODE_FLAGS = ['--max-semi-space-size=64'];
