/** What the vendor's own client takes and expects back, by its published types: where the cut description has nothing. */
import type { RestEndpointMethodTypes } from '@octokit/rest';

type Rows<Answer> = Answer extends readonly (infer Row)[] ? Row : never;
type Issues = RestEndpointMethodTypes['issues'];

export type IssueRow = Rows<Issues['listForRepo']['response']['data']>;
export type CommentRow = Rows<Issues['listCommentsForRepo']['response']['data']>;
export type LabelRow = Rows<Issues['addLabels']['response']['data']>;
export type RepositoryRow = Rows<RestEndpointMethodTypes['repos']['listForAuthenticatedUser']['response']['data']>;
export type UserRow = NonNullable<IssueRow['user']>;

export type IssuesAsked = Issues['listForRepo']['parameters'];
export type CommentsAsked = Issues['listCommentsForRepo']['parameters'];
export type LabelsAsked = Issues['addLabels']['parameters'];
export type RepositoriesAsked = NonNullable<RestEndpointMethodTypes['repos']['listForAuthenticatedUser']['parameters']>;
