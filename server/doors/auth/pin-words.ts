/** Rows, columns and number pads as fingers walk them; each also counts backwards. */
export const keyboardWalks: readonly string[] = [
  '01234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'qsdfghjklm',
  'zxcvbnm',
  'yxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'zaq1xsw2cde3vfr4bgt5nhy6mju7ki8lo9',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  'qazwsxedcrfvtgbyhnujmikolp',
  '147258369',
  '741852963',
  '159357',
  '753951',
  '13579',
  '24680',
  '789456123',
];

/**
 * Words that lead every public list of leaked passwords, and what people reach for first: greetings, months, seasons, names,
 * teams, animals, and this product. Written down here from general knowledge; look-alikes (@ for a) are undone before.
 */
export const commonWords: ReadonlySet<string> = new Set(
  `password passwort passwd passcode pass motdepasse contrasena senha parola secret geheim private admin administrator
  root user guest login logon default changeme change letmein welcome willkommen bienvenue hello hallo bonjour access
  master server system computer internet security secure test testing tester demo sample temp temporary abc qwerty qwertz
  azerty asdf zxcv iloveyou loveyou ilove love loveme lovely forever sweetheart honey baby babygirl angel princess prince
  queen king dragon monkey tiger lion panther eagle falcon wolf bear horse dolphin butterfly kitty puppy cat dog chicken
  sunshine sunflower flower rainbow summer winter spring autumn sommer herbst january february march april may june july
  august september october november december monday tuesday wednesday thursday friday saturday sunday football baseball
  basketball soccer hockey golf tennis fussball liverpool arsenal chelsea barcelona juventus madrid yankees cowboys
  steelers lakers superman batman spiderman pokemon pikachu naruto starwars startrek matrix whatever nothing trustno
  trustnoone nopassword mypassword michael michelle jennifer jessica jordan daniel andrew thomas robert william charlie
  george hunter matthew joshua ashley amanda nicole samantha elizabeth alexander anthony christian patrick maria anna
  corvette mustang ferrari porsche mercedes yamaha harley maverick phoenix freedom blessed jesus christ heaven church
  money million dollar bitcoin google facebook youtube amazon apple samsung android iphone microsoft windows linux ubuntu
  debian github gitlab docker cookie cheese chocolate banana orange pepper ginger coffee pizza purple yellow green blue
  black silver golden diamond crystal magic shadow ninja killer ranger soldier warrior hacker pirate thunder lightning
  bigdaddy bigdog buster tinkerbell snoopy mickey scooby garfield peanut cupcake pumpkin london paris berlin america
  canada australia england ireland mexico brazil india china japan patchgit patch owner droplet digitalocean`
    .split(/\s+/)
    .filter((word) => word !== ''),
);
