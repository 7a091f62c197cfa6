r"""What people see in a browser: pages made by the server, in French and English.

    request --> guard (who, may they) --> desk (the same as the API's) --> content --> template
                                                                    \--> charts (SVG)

Theory of operation. A page is HTML that is complete when it arrives; a script, where there is one,
only spares a reload. Nothing comes from elsewhere, nothing is written between quotes of a script or
a style: the Content-Security-Policy forbids both. What a person does is a form that is sent to a
page's own address, and answered by a redirection, so that reloading repeats nothing. Content is
made by plain functions from the same views that the API answers with; templates only lay it out.
"""
