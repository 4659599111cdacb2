export const usage = `patchgit: paste a diff, see it proved, press GO, get a pull request.

Usage: patchgit COMMAND [options]          every command takes --json; exit code 0 done, 1 refused or failed, 2 usage

  serve                                    run the daemon in the foreground
  status                                   what runs, what waits for you, what is connected
  doctor                                   what is good and what is missing on this machine

  repo add PATH|URL --name NAME [--check CMD]... [--formatter CMD] [--setup CMD|none]
  repo list [--remote] | check NAME | fetch NAME | remove NAME   --remote lists what the connection to GitHub can see
  repo set NAME [--check CMD]... [--formatter CMD] [--setup CMD|none] [--author "NAME <EMAIL>"]   ("" goes back to the default)
  repo set NAME [--draft | --ready] [--label NAME]...   how pull requests are opened there (--label "" for none)

  propose --repo NAME --diff FILE|- [--base REF] [--title TEXT] [--wait] [--approve-extra-spend USD]
  show ID                                  a proposal, or a job that has none yet
  go ID --digest DIGEST [--approve-extra-spend USD]
  reject ID [--digest DIGEST] [--note TEXT]
  revise ID [--digest DIGEST] [--note TEXT]
  undo ID                                  close the pull request, delete the branch
  fix ID                                   ask for a fix of what the red CI of its pull request says
  cancel JOB                               stop a job that is queued, running, or stopped at the cap
  continue JOB --plan same|cheaper [--approve-extra-spend USD]   go on with a job that was stopped at the cap
  apply REPOSITORY PATCH                   offline: apply a patch to a working tree exactly, or refuse and change nothing

  audit list [--limit N] [--kind KIND] [--subject ID] | verify | export
  budget | budget export                   caps, spent, left, reservations, approvals; all reservations as CSV
  budget prices | budget price SIZE USD    what helpers and models cost; type a price per hour that is not known
  approval withdraw ID                     takes back an approval of extra spend that was not used
  helper status | destroy | bake [--wait]  bake makes an image, from which a helper is ready in about a minute
  device add | list | revoke ID            add prints a one-time link
  pin reset                                forgets the PIN and signs everybody out; prints a one-time link
  backup FOLDER                            database, evidence and local repositories into a new folder
  restore FOLDER                           into an empty data folder, while the daemon is stopped
  update                                   how to update this installation

The daemon is found by PATCHGIT_HOME (now: HOME_FOLDER).
`;
